-- presence.lua - prelude: who is there. A change is said in the stream of events by the script that makes it. [LIFE-1]
-- `who`: leases, events, terminals (the user's; all keys), user, max_events. A terminal is kept as its fields, in this order.
local fields = { 'platform', 'state', 'standing', 'node', 'trace', 'since', 'seen', 'lease' }
local moment = redis.call('TIME')
local this_ms = moment[1] * 1000 + math.floor(moment[2] / 1000)

local function whole (n) return string.format('%.0f', n) end
local this_moment = whole(this_ms) -- as text: to make one costs as much as to read a key
local function lease_of (who, terminal) return redis.call('ZSCORE', who.leases, who.user .. '/' .. terminal) end

-- lease: `socket` when the open connection is the sign of life [LIFE-2], else nothing.
-- standing: on, off, lapsed (nothing was seen of it), or the reason for which it is gone when its lease ends. nil: not known.
local function terminal_of (who, terminal)
  local kept, i, stored = {}, 0, redis.call('HGET', who.terminals, terminal)
  for word in string.gmatch(stored or '', '%S+') do
    i = i + 1
    kept[fields[i] or 'more'] = word
  end
  if whole_of(kept.seen) and whole_of(kept.since) and not kept.more then return kept end
  if stored then skip(who.terminals .. ' ' .. terminal) end
end

local function keep (who, terminal, kept)
  local words = {}
  for i, field in ipairs(fields) do words[i] = kept[field] end
  redis.call('HSET', who.terminals, terminal, table.concat(words, ' '))
end

-- n: the number of the event, when it was given out before.
local function say (who, name, terminal, kept, reason, n)
  local event = { 'type', name, 'userId', who.user, 'n', n or redis.call('HINCRBY', who.terminals .. ':PRESENCE', 'n', 1), 'ts', this_moment }
  local function add (field, value) if value then event[#event + 1], event[#event + 2] = field, value end end
  add('terminalId', terminal)
  for field, key in pairs({ platform = 'platform', node = 'node', traceId = 'trace' }) do add(field, kept and kept[key]) end
  add('reason', reason)
  redis.call('XADD', who.events, 'MAXLEN', '~', who.max_events, '*', unpack(event))
end

-- A user without a terminal is offline: now, or after a grace, as the lease of nobody. Its end comes here again. [LIFE-3]
local function settle (who, grace_ms)
  local latest, last
  for _, terminal in ipairs(redis.call('HKEYS', who.terminals)) do
    if lease_of(who, terminal) then return end
    local kept = terminal_of(who, terminal)
    if kept and (not latest or kept.since >= latest.since) then latest, last = kept, terminal end
  end
  if grace_ms > 0 then return redis.call('ZADD', who.leases, whole(this_ms + grace_ms), who.user .. '/') end
  if redis.call('HDEL', who.terminals .. ':PRESENCE', 'online') == 1 then say(who, 'user.offline', last, latest) end
end

local function disconnect (who, terminal, reason, grace_ms)
  if redis.call('ZREM', who.leases, who.user .. '/' .. terminal) == 0 then return end
  local kept = terminal_of(who, terminal)
  if kept then
    kept.standing, kept.since = reason == 'TIMEOUT' and 'lapsed' or 'off', this_moment
    keep(who, terminal, kept)
  end
  say(who, 'terminal.disconnected', terminal, kept, reason)
  settle(who, grace_ms)
end
