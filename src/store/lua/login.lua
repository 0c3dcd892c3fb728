-- login.lua - prelude after down, kick and logins: who may attach, whom he replaces, and who makes room. [KICK-1] [KICK-2]
-- A login outranks another when its token was issued later, or (one token on two terminals) when its terminal came later.

-- Whether a terminal may enter by the policy of logins; nothing is written yet: there may be no room for it.
-- Returns why it is refused; else nil, its login, and whom it replaces (as a list; by name: until when they are refused).
local function judge_login (keys, policy, me)
  local reason = refusal(keys.kick, me, now)
  if reason then return reason end
  local mine = login_with(keys.logins, me, now)
  local replaced = {}
  local live = policy == 'multi' and {} or redis.call('HGETALL', keys.routes)
  for i = 1, #live, 2 do
    local other, platform = string.match(live[i], '[^/]+$'), string.match(live[i + 1], '^%S+')
    local is_live = other and tonumber(string.match(live[i + 1], '%d+$') or 0) > now
    if is_live and other ~= me.terminal and not replaced[other] and (policy == 'single' or platform == me.platform) then
      local theirs = login_of(keys.logins, other) or { issued = 0, since = 0, expires = 0 }
      if theirs.issued > mine.issued or (theirs.issued == mine.issued and theirs.since > mine.since) then return 'replaced' end
      replaced[#replaced + 1], replaced[other] = other, math.max(now + me.keep_ms, theirs.expires)
    end
  end
  return nil, mine, replaced
end

-- It enters; those it replaces get tombstones.
local function enter (keys, terminal, mine, replaced)
  if is_dry and #replaced == 0 then return end
  for _, other in ipairs(replaced) do bury(keys.kick, 't:' .. other, mine.issued, replaced[other], 'replaced', now) end
  keep_login(keys.logins, terminal, mine)
  redis.call('PEXPIRE', keys.logins, down_idle)
end

-- The terminal that makes room for a new one: the longest unseen that is not connected. nil when all are.
local function longest_unseen (terminals, routes, replaced)
  local connected, oldest, found = {}, nil, nil
  local live = redis.call('HGETALL', routes)
  for i = 1, #live, 2 do
    local other = string.match(live[i], '[^/]+$')
    if other and tonumber(string.match(live[i + 1], '%d+$') or 0) > now and not replaced[other] then connected[other] = true end
  end
  local known = redis.call('HGETALL', terminals)
  for i = 1, #known, 2 do
    local seen = tonumber(string.match(known[i + 1], '(%d+) ?%a*$') or 0) -- of what cannot be read nobody knows: it goes first
    if not connected[known[i]] and (not oldest or seen < oldest) then found, oldest = known[i], seen end
  end
  return found
end
