-- login.lua - prelude after down, kick and logins: who may attach, and whom he replaces. [KICK-1] [KICK-2]
-- A login outranks another when its token was issued later, or (one token on two terminals) when its terminal came later.

-- Enters a terminal by the policy of logins; those it replaces get tombstones.
-- Returns why it is refused; else nil, whom it replaces (as a list and by name), and when its newest token was issued.
local function enter (keys, policy, me)
  local reason = refusal(keys.kick, me, now)
  if reason then return reason end
  local mine = login_with(keys.logins, me, now)
  local replaced, ends = {}, {}
  local live = policy == 'multi' and {} or redis.call('HGETALL', keys.routes)
  for i = 1, #live, 2 do
    local other, platform = string.match(live[i], '[^/]+$'), string.match(live[i + 1], '^%S+')
    local is_live = tonumber(string.match(live[i + 1], '%d+$')) > now
    if is_live and other ~= me.terminal and not replaced[other] and (policy == 'single' or platform == me.platform) then
      local theirs = login_of(keys.logins, other) or { issued = 0, since = 0, expires = 0 }
      if theirs.issued > mine.issued or (theirs.issued == mine.issued and theirs.since > mine.since) then return 'replaced' end
      replaced[#replaced + 1], replaced[other], ends[other] = other, true, math.max(now + me.keep_ms, theirs.expires)
    end
  end
  for _, other in ipairs(replaced) do bury(keys.kick, 't:' .. other, mine.issued, ends[other], 'replaced', now) end
  keep_login(keys.logins, me.terminal, mine)
  redis.call('PEXPIRE', keys.logins, down_idle)
  return nil, replaced, mine.issued
end
