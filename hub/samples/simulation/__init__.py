"""The world that routing is tried in: demand, people, travel, sickness, and policies that route.

In process and pure: weeks are played in seconds, on the decision that the hub itself takes
(``hub.domain.routing.decide``). ``hub.samples.month`` plays the same weeks at a real hub.
"""
