-- event.lua - prelude: tells a back end what happens, in the same step, in the stream iris:events. docs/protocol.md section 8 [EVENT-1]
-- ARGV feed
-- feed: how many events are kept, how many bytes of them, and the kinds that are written, a blank behind each: src/store/feed.ts.
-- An entry is one field: the kind, and its facts as JSON. One stream for all: standalone Redis only.
local feed, feed_key, feed_sizes = ARGV[1], 'iris:events', 'iris:events:SIZES'
local most_events, most_bytes

local function is_told (kind) return string.find(feed, kind, 1, true) end

-- Bytes of the stream are counted up in marks: position -> bytes up to it. A large event has one of its own; of small ones one by chance
-- stands for as many bytes as have passed on the average since the one before: so a small one costs nothing, and on the whole all count.
local function count_bytes (id, bytes)
  local part = math.ceil(most_bytes / 1024)
  -- of the last milliseconds, scattered
  if bytes < part and tonumber(string.sub(id, 6, 13)) * 7919 % part >= bytes then return end
  local sum = (top_score(feed_sizes) or 0) + math.max(bytes, part)
  redis.call('ZADD', feed_sizes, int(sum), id)
  if sum <= most_bytes then return end
  local last = redis.call('ZREVRANGEBYSCORE', feed_sizes, int(sum - most_bytes), 0, 'LIMIT', 0, 1)[1]
  local ms, seq = string.match(last or '', '^(%d+)-(%d+)$')
  if not ms then return end
  redis.call('XTRIM', feed_key, 'MINID', ms .. '-' .. int(seq + 1))
  redis.call('ZREMRANGEBYSCORE', feed_sizes, 0, int(sum - most_bytes))
end

-- facts: members of JSON. To be asked only for what `is_told`.
local function announce (kind, facts)
  if not most_events then
    local events, bytes = string.match(feed, '^(%d+) (%d+)')
    most_events, most_bytes = events, tonumber(bytes)
  end
  local id = redis.call('XADD', feed_key, 'MAXLEN', '~', most_events, '*', kind, '{' .. facts .. '}')
  count_bytes(id, #kind + #facts + 32)
end

-- A trace, or none, as a member of JSON. [TRACE-2]
local function traced (trace) return trace ~= '' and ',"traceId":"' .. trace .. '"' or '' end

-- That of a draft, its last member.
local function trace_in (draft) return traced(string.match(draft, '^.*"traceId":"([%w._-]+)"') or '') end

-- A member of JSON; nothing for a list of nothing.
local function list_text (name, list, mark)
  return #list > 0 and ',"' .. name .. '":[' .. mark .. table.concat(list, mark .. ',' .. mark) .. mark .. ']' or ''
end
