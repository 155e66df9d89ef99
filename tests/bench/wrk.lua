-- One request after another from a file: METHOD \t PATH \t BODY (may be empty).
-- Mode "update": a line is ID \t PATH \t VERSION|BODY; If-Match is sent, the ETag remembered.
local threads = {}
local number = 0

function setup(thread)
  thread:set("number", number)
  number = number + 1
  table.insert(threads, thread)
end

function init(args)
  requests, versions = {}, {}
  mode = args[2] or "static"
  ok, bad, sample, bytes = 0, 0, "", 0
  for line in io.lines(args[1]) do
    local method, path, body = line:match("^([^\t]*)\t([^\t]*)\t?(.*)$")
    requests[#requests + 1] = {method, path, body}
  end
  place = number * 997
end

function request()
  place = place + 1
  local chosen = requests[(place - 1) % #requests + 1]
  local headers = {["Content-Type"] = "application/fhir+json", ["Accept"] = "application/fhir+json"}
  for name, value in pairs(wrk.headers) do headers[name] = value end
  if mode == "update" then
    local version, body = chosen[3]:match("^([^|]*)|(.*)$")
    headers["If-Match"] = 'W/"' .. (versions[chosen[1]] or version) .. '"'
    return wrk.format("PUT", chosen[2], headers, body)
  end
  return wrk.format(chosen[1], chosen[2], headers, #chosen[3] > 0 and chosen[3] or nil)
end

function response(status, headers, body)
  if status >= 200 and status < 300 then
    ok = ok + 1
    bytes = bytes + #body
  else
    bad = bad + 1
    if sample == "" then sample = status .. " " .. body:sub(1, 300) end
  end
  if mode == "update" and status < 300 then
    local etag = headers["ETag"] or headers["etag"] or headers["Etag"]
    local id = body:match('"id"%s*:%s*"([^"]+)"')
    if etag and id then versions[id] = etag:match('"([^"]+)"') end
  end
end

function done(summary, latency, _)
  local good, wrong, size, first = 0, 0, 0, ""
  for _, thread in ipairs(threads) do
    good = good + thread:get("ok")
    wrong = wrong + thread:get("bad")
    size = size + thread:get("bytes")
    if first == "" then first = thread:get("sample") end
  end
  local errors = summary.errors
  io.write(string.format(
    'RESULT {"ok": %d, "bad": %d, "seconds": %.3f, "p50": %.2f, "p95": %.2f, "body": %.1f}\n',
    good, wrong + errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(95) / 1e3,
    good > 0 and size / good or 0))
  if first ~= "" then io.write("BAD " .. first:gsub("\n", " ") .. "\n") end
end
