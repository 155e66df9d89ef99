"""The rules of the hub. Pure: standard library only, time comes in as an argument."""
