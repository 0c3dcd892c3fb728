-- going.lua - prelude after foreground: a terminal is gone, and with the last one its user. [LIFE-1] [LIFE-3]

-- A user without a terminal is offline: now, or after a grace, as the lease of nobody. Its end comes here again. [LIFE-3]
local function settle_user (who, grace_ms)
  local last
  for _, terminal in ipairs(redis.call('HKEYS', who.terminals)) do
    if is_terminal(terminal) then
      if lease_of(who, terminal) then return end
      local kept = terminal_of(who, terminal)
      if kept and (not last or kept.since >= last.since) then last = kept end
    end
  end
  if grace_ms > 0 then return redis.call('ZADD', who.leases, int(this_ms + grace_ms), who.user .. '/') end
  local came = redis.call('HGET', who.terminals, '/online')
  if not came then return end
  redis.call('HDEL', who.terminals, '/online')
  redis.call('HSET', who.terminals, '/gone', show(who, false, came))
  say(who, 'user.offline', last or {})
end

local function disconnect (who, terminal, reason, grace_ms)
  if redis.call('ZREM', who.leases, who.user .. '/' .. terminal) == 0 then return end
  local kept = terminal_of(who, terminal)
  if kept then
    kept.standing, kept.since = reason == 'TIMEOUT' and 'lapsed' or 'off', this_moment
    keep(who, terminal, kept)
  else leave_foreground(who) end
  local facts = kept or { terminal = terminal }
  facts.reason = reason
  say(who, 'terminal.disconnected', facts)
  settle_user(who, grace_ms)
end

-- All his terminals are gone at once, and with them he. Returns those that were known.
local function part (who)
  local known = {}
  for _, field in ipairs(redis.call('HKEYS', who.terminals)) do if is_terminal(field) then known[#known + 1] = field end end
  for _, terminal in ipairs(known) do disconnect(who, terminal, 'KICKED', 0) end
  if redis.call('ZREM', who.leases, who.user .. '/') == 1 then settle_user(who, 0) end -- he was in his grace
  return known
end

-- Tells all nodes that he is deleted: who comes by his id is another, of whom they know nothing. [USER-2]
local function show_deleted (who)
  redis.call('SPUBLISH', (string.gsub(who.leases, 'LEASES$', 'PRESENCE')), who.user .. ' -')
end
