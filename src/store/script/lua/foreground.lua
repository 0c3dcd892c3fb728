-- foreground.lua - prelude after presence: who has a terminal in the foreground, kept in step with the rows of terminals. [EVENT-2]
-- FOREGROUND of a partition: its users who have one. A message looks there for who has none, see offline.lua.
-- Connected, and looked at. From when its link is closed it is not: who comes back has missed nothing, who does not has had his push.
local function is_fore (kept) return kept.standing == 'on' and kept.state == 'f' end

local function foreground_of (who) return (string.gsub(who.leases, 'LEASES$', 'FOREGROUND')) end

local function leave_foreground (who)
  local all = redis.call('HGETALL', who.terminals)
  for i = 1, #all, 2 do
    local kept = is_terminal(all[i]) and read_terminal(all[i + 1], who.terminals, all[i])
    if kept and is_fore(kept) then return end
  end
  redis.call('SREM', foreground_of(who), who.user)
end

local function keep (who, terminal, kept)
  redis.call('HSET', who.terminals, terminal, terminal_text(kept))
  local is_now = is_fore(kept)
  if is_now and not kept.was_fore then redis.call('SADD', foreground_of(who), who.user)
  elseif kept.was_fore and not is_now then leave_foreground(who) end
end
