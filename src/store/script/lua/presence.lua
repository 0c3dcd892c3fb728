-- presence.lua - prelude after event: who is there. A change is said in the stream of events by the script that makes it. [LIFE-1]
-- TERMINALS:<user>: `<terminal>` -> its row, these fields in this order; `<terminal>/trace`: of the request that it came with;
-- `<terminal>/login`: see logins.lua; `/from`, `/printed`, `/bye`: see printed.lua. What begins with a slash is the user's: `/online` since
-- when he is, `/gone` when he went, `/n`: events told of him; see attach.lua. `who`: leases, terminals (the user's; all keys), user.
local ROW = '^(%S+) ([fb]) (%S+) (%S+) (%d+) (%d+) ?(%a*)$'
-- Of an event, and where it stands.
local EVENT_FIELDS = { 'terminalId', 'terminal', 'platform', 'platform', 'node', 'node', 'traceId', 'trace', 'reason', 'reason' }

local this_ms = time_ms()
local this_moment = int(this_ms) -- as text: to make one costs as much as to read a key
local function lease_of (who, terminal) return redis.call('ZSCORE', who.leases, who.user .. '/' .. terminal) end
local function is_terminal (field) return not string.find(field, '/', 1, true) end

-- state: f(oreground) or b(ackground). standing: on, off, lapsed (nothing was seen of it), or the reason for which it is gone
-- when its lease ends. lease: `socket` when the open connection is the sign of life [LIFE-2], else empty. nil: not known.
local function read_terminal (stored, terminals, terminal)
  if not stored then return end
  local platform, state, standing, node, since, seen, lease = string.match(stored, ROW)
  if not (whole_of(seen) and whole_of(since) and (lease == '' or lease == 'socket')) then return skip(terminals .. ' ' .. terminal) end
  return { terminal = terminal, platform = platform, state = state, standing = standing, node = node,
    since = since, seen = seen, lease = lease, was_fore = standing == 'on' and state == 'f' }
end

local function terminal_text (kept)
  local lease = kept.lease ~= '' and kept.lease or nil
  return table.concat({ kept.platform, kept.state, kept.standing, kept.node, kept.since, kept.seen, lease }, ' ')
end

local function terminal_of (who, terminal)
  local stored, trace = unpack(redis.call('HMGET', who.terminals, terminal, terminal .. '/trace'))
  local kept = read_terminal(stored, who.terminals, terminal)
  if kept then kept.trace = trace end
  return kept
end

-- Returns 1 when it was known.
local function forget_terminal (terminals, terminal)
  redis.call('HDEL', terminals, terminal .. '/trace', terminal .. '/login', terminal .. '/from', terminal .. '/printed',
    terminal .. '/brought', terminal .. '/bye')
  return redis.call('HDEL', terminals, terminal)
end

-- n: the number of the event, when it was given out before.
local function say (who, name, facts, n)
  n = n or redis.call('HINCRBY', who.terminals, '/n', 1)
  if not is_told(name) then return end
  local event = { '"userId":"' .. who.user .. '","n":' .. int(n) }
  for i = 1, #EVENT_FIELDS, 2 do
    local value = facts[EVENT_FIELDS[i + 1]]
    if value then event[#event + 1] = '"' .. EVENT_FIELDS[i] .. '":"' .. value .. '"' end
  end
  announce(name, table.concat(event, ',') .. ',"ts":' .. this_moment)
end

-- Tells all nodes that he is there, or is not. before: the last change, as it is stored. Returns the time of this one: later. [SEE-4]
local function show (who, is_online, before)
  local since = int(math.max(this_ms, (number_in(before, who.terminals, is_online and '/gone' or '/online') or 0) + 1))
  redis.call('SPUBLISH', (string.gsub(who.terminals, ':TERMINALS:.*$', ':PRESENCE')), who.user .. (is_online and ' 1 ' or ' 0 ') .. since)
  return since
end
