-- login.lua - prelude after down and kick: who may attach, and whom he replaces. [KICK-1] [KICK-2]
-- A login outranks another when its token was issued later, or (one token on two terminals) when its terminal came later.
-- logins: terminal -> `<issued> <when it first attached with this token>` (ms), so that a reconnect keeps its rank.

-- Enters a terminal by the policy of logins; those it replaces get tombstones.
-- Returns why it is refused; else nil and whom it replaces, as a list and by name.
local function enter (keys, policy, me)
  local reason = refusal(keys.kick, me.terminal, me.issued, now)
  if reason or policy == 'multi' then return reason, {} end
  local known = {}
  local all = redis.call('HGETALL', keys.logins)
  for i = 1, #all, 2 do known[all[i]] = { string.match(all[i + 1], '^(%d+) (%d+)$') } end
  local rank = known[me.terminal]
  if not rank or rank[1] ~= me.issued then rank = { me.issued, ms(now) } end
  local replaced = {}
  local live = redis.call('HGETALL', keys.routes)
  for i = 1, #live, 2 do
    local other, platform = string.match(live[i], '[^/]+$'), string.match(live[i + 1], '^%S+')
    local is_live = tonumber(string.match(live[i + 1], '%d+$')) > now
    if is_live and other ~= me.terminal and not replaced[other] and (policy == 'single' or platform == me.platform) then
      local theirs = known[other] or { 0, 0 }
      local newer = theirs[1] - rank[1]
      if newer > 0 or (newer == 0 and theirs[2] - rank[2] > 0) then return 'replaced' end
      replaced[#replaced + 1], replaced[other] = other, true
    end
  end
  for _, other in ipairs(replaced) do bury(keys.kick, 't:' .. other, me.issued, now + me.keep_ms, 'replaced', now) end
  redis.call('HSET', keys.logins, me.terminal, rank[1] .. ' ' .. rank[2])
  redis.call('PEXPIRE', keys.logins, down_idle)
  return nil, replaced
end
