-- serve.lua - what wrk sends to the service; bench/serve.sh and bench/serve_gorse.sh run it.
--
--     wrk ... -s serve.lua URL -- MODE USERS ITEMS [SEED]
--
--   recommend        GET /v1/users/{id}/recommendations?n=10 for random users
--   events:N         POST /v1/events with N events of random users and items, each with an id of its own
--   gorse-recommend  GET /api/recommend/{id}?n=10
--   gorse-feedback:N POST /api/feedback with N of them
--   mix              nine recommendations to one event
-- USERS and ITEMS are files with an id per line.  Prints one line: requests a second, p50 and p99 in ms,
-- answers that were not 2xx, requests that failed.

local threads = 0

function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end

local function lines_of(path)
    local out = {}
    for line in io.lines(path) do out[#out + 1] = line end
    return out
end

local mode, count, users, items, run
local sent = 0

function init(args)
    mode, count = args[1]:match("^([%a-]+):?(%d*)$")
    count = tonumber(count) or 1
    users, items = lines_of(args[2]), lines_of(args[3])
    run = args[4] or "0"
    math.randomseed(tonumber(run) * 1000 + number)
end

local json = { ["Content-Type"] = "application/json" }

local function event_list(format)
    local out = {}
    for i = 1, count do
        sent = sent + 1
        out[i] = format(users[math.random(#users)], items[math.random(#items)], run .. "-" .. number .. "-" .. sent)
    end
    return "[" .. table.concat(out, ",") .. "]"
end

local function our_event(user, item, id)
    return '{"user":"' .. user .. '","item":"' .. item .. '","behaviour":"view","event_id":"' .. id .. '"}'
end

local function gorse_feedback(user, item, id)
    return '{"FeedbackType":"read","UserId":"' .. user .. '","ItemId":"' .. item ..
        '","Timestamp":"2024-06-01T00:00:00Z"}'
end

function request()
    local user = users[math.random(#users)]
    if mode == "events" or (mode == "mix" and math.random(10) == 1) then
        return wrk.format("POST", "/v1/events", json, event_list(our_event))
    elseif mode == "gorse-feedback" then
        return wrk.format("POST", "/api/feedback", json, event_list(gorse_feedback))
    elseif mode == "gorse-recommend" then
        return wrk.format("GET", "/api/recommend/" .. user .. "?n=10")
    end
    return wrk.format("GET", "/v1/users/" .. user .. "/recommendations?n=10")
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("result %.0f %.2f %.2f %d %d\n", summary.requests / summary.duration * 1e6,
        latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, e.status, e.connect + e.read + e.write + e.timeout))
end
