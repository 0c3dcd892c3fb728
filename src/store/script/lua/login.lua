-- login.lua - prelude after down, routes, kick and logins: who may attach, whom he replaces, and who makes room. [KICK-1] [KICK-2]
-- A login outranks another when its token was issued later, or (one token on two terminals) when its terminal came later.

-- Whether a terminal may enter by the policy of logins; nothing is written yet: there may be no room for it. live: see routes.lua.
-- Returns why it is refused; else nil, its login, and whom it replaces (as a list; by name: until when they are refused).
local function judge_login (me, policy, live)
  local keys, replaced = me.keys, {}
  local reason = not void[keys.kick] and refusal(keys.kick, me, now)
  if reason then return reason end
  local mine = login_with(me.known.login and read_login(me.known.login, keys.terminals, me.terminal), me, now)
  for _, each in ipairs(policy == 'multi' and {} or live) do
    local other, platform = each[1], each[2]
    if other ~= me.terminal and not replaced[other] and (policy == 'single' or platform == me.platform) then
      local theirs = login_of(keys.terminals, other) or { issued = 0, since = 0, expires = 0 }
      if theirs.issued > mine.issued or (theirs.issued == mine.issued and theirs.since > mine.since) then return 'replaced' end
      replaced[#replaced + 1], replaced[other] = other, math.max(now + me.keep_ms, theirs.expires)
    end
  end
  return nil, mine, replaced
end

-- Those whom a login replaces get tombstones.
local function replace (kick, mine, replaced)
  for _, other in ipairs(replaced) do bury(kick, 't:' .. other, mine.issued, replaced[other], 'replaced', now) end
end

-- The terminal that makes room for a new one: the longest unseen that is
-- not connected. Empty while there is room, nil when all are connected.
-- room: how many there may be at `most`, who is `live`, and of them who is `replaced`.
local function longest_unseen (terminals, room)
  if redis.call('HLEN', terminals) < room.most then return '' end -- there are no more terminals than fields
  local connected, count, oldest, found = {}, 0, nil, nil
  for _, each in ipairs(room.live) do connected[each[1]] = not room.replaced[each[1]] end
  local known = redis.call('HGETALL', terminals)
  for i = 1, #known, 2 do
    if is_terminal(known[i]) then
      count = count + 1
      local seen = tonumber(string.match(known[i + 1], '(%d+) ?%a*$') or 0) -- of what cannot be read nobody knows: it goes first
      if not connected[known[i]] and (not oldest or seen < oldest) then found, oldest = known[i], seen end
    end
  end
  if count < room.most then return '' end
  return found
end
