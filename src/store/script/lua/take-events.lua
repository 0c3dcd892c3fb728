-- take-events.lua - reads on for a webhook, by the one node that delivers to it now; it is that for so long again. [WEBHOOK-4] [WEBHOOK-7]
-- USES webhook
-- FULL done
-- KEYS webhooks owner events dead again
-- ARGV id since(when the webhook was made) group node holdMs count(0: only go on being it)
--   after(`>`: nobody has read it; else: it was read, and is not done) mostDead keepMs
-- then position ... (under way here: told whether it is in the stream or not)
-- RETURNS 0 state(mine|other|gone) lost entries[] again(how many are to be delivered beside the stream) position(looked at so far)
-- What was trimmed before it was done, and is not under way, is a dead letter, and the webhook is told, in the step that goes past it.
local webhooks, owner, events, dead, again = unpack(KEYS)
local id, since, group, node, hold_ms, count, after, most_dead, keep_ms = unpack(ARGV)
local holder = redis.call('GET', owner)
local record = webhook_of(webhooks, id, since)
if not record or string.find(record, '"disabled":', 1, true) then return { 0, 'gone', 0, {}, 0 } end
if holder and holder ~= node then return { 0, 'other', 0, {}, 0 } end

-- How many entries behind the last that was read are gone, where that stands, and its number: the group goes on behind them.
local function trimmed ()
  local reader
  for _, flat in ipairs(redis.pcall('XINFO', 'GROUPS', events)) do
    if named(flat).name == group then reader = named(flat) end
  end
  if not reader then redis.call('XGROUP', 'CREATE', events, group, '0', 'MKSTREAM') end
  local stream = named(redis.call('XINFO', 'STREAM', events))
  local gone = stream['entries-added'] - stream.length
  if not reader then return 1, '0-0', gone end -- somebody has taken the stream away: what is there now is all that can be read
  local last, read = reader['last-delivered-id'], reader['entries-read'] or gone
  if last == stream['last-generated-id'] and read ~= stream['entries-added'] then
    read = stream['entries-added']
    redis.call('XGROUP', 'SETID', events, group, last, 'ENTRIESREAD', read)
  end
  return math.max(0, gone - read), last, math.max(gone, read)
end

local function tell_lost (lost, position)
  local now = int(time_ms())
  local facts = '{"id":"' .. position .. '","type":"feed.reset","ts":' .. now .. ',"after":"' .. position .. '","lost":' .. int(lost) .. '}'
  local letter = redis.call('XADD', dead, 'MAXLEN', most_dead, '*', 'kind', 'lost', 'at', now, 'event', facts)
  redis.call('HSET', again, letter .. '-reset', '0 ' .. facts) -- two gaps may stand at one position, and are told by two ids
  for _, key in ipairs({ dead, again }) do redis.call('PEXPIRE', key, keep_ms) end
end

redis.call('SET', owner, node, 'PX', hold_ms)
if count == '0' then return { 0, 'mine', 0, {}, redis.call('HLEN', again) } end
local lost, position, number = 0, after, nil
if after == '>' then lost, position, number = trimmed() end
local read = redis.call('XREADGROUP', 'GROUP', group, 'iris', 'COUNT', count, 'STREAMS', events, after)
local found, entries, under_way = read and read[1][2] or {}, {}, {}
for i = 10, #ARGV do under_way[ARGV[i]] = true end
for _, entry in ipairs(found) do
  if entry[2] then entries[#entries + 1] = entry
  elseif not under_way[entry[1]] then lost = lost + redis.call('XACK', events, group, entry[1]) end
end
if number and (lost > 0 or entries[1]) then -- neither Redis' file nor a replica has the number of what was read, unless it is said
  redis.call('XGROUP', 'SETID', events, group, entries[1] and entries[#entries][1] or position, 'ENTRIESREAD', number + #entries)
end
if lost > 0 then tell_lost(lost, position) end
local reached = found[1] and found[#found][1] or after == '>' and position or nil
return { 0, 'mine', lost, entries, redis.call('HLEN', again), reached }
