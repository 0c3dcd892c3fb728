-- kick-user.lua - tombstones for terminals of a user, before anybody is told: from then on they are refused. [KICK-1] [KICK-3] [TIME-1]
-- USES event kick logins presence foreground going
-- FULL done
-- KEYS kick terminals routes leases
-- ARGV feed keepMs banMs revokeTokens(0|1) reason user graceMs removeMs(0: he is not deleted) traceId
-- then terminal ... (none: all of them, also those that were never seen)
-- RETURNS 0 kicked[] (those named; all that are known when none is named or tokens are revoked) before welcomeFrom
local kick, terminals, routes, leases = unpack(KEYS)
local keep_ms, ban_ms, revoke_tokens, reason, user, grace_ms, remove_ms, trace_id = unpack(ARGV, 2)
ban_ms, remove_ms = tonumber(ban_ms), tonumber(remove_ms)
local kicked, targets = {}, {}
for i = 10, #ARGV do kicked[#kicked + 1], targets[#targets + 1] = ARGV[i], ARGV[i] end
if #targets == 0 then targets[1] = '*' end
if #kicked == 0 or revoke_tokens == '1' then
  local seen = {}
  for _, terminal in ipairs(kicked) do seen[terminal] = true end
  local function add (terminal)
    if terminal and not seen[terminal] then kicked[#kicked + 1] = terminal end
    seen[terminal or ''] = true
  end
  for _, field in ipairs(redis.call('HKEYS', terminals)) do add(is_terminal(field) and field) end
  for _, route in ipairs(redis.call('HKEYS', routes)) do add(string.match(route, '[^/]+$')) end
end
-- Before the kick is who is there, also by a token from a clock that is ahead, and what was minted since an earlier kick of such a one.
local earlier, names = { 'notBefore', 't:*' }, {}
for _, terminal in ipairs(targets) do earlier[#earlier + 1] = 't:' .. terminal end
local told = welcome_from(kick, earlier, this_ms)
if told > this_ms then told = math.ceil(told / 1000) * 1000 end -- `tokensFrom` is in seconds
local before, ends = math.max(this_ms, told), this_ms + keep_ms
for _, terminal in ipairs(kicked) do
  local login = login_of(terminals, terminal)
  if login then before, ends = math.max(before, login.issued), math.max(ends, login.expires) end
end
for _, terminal in ipairs(targets) do
  bury(kick, 't:' .. terminal, before, ends, reason, this_ms)
  -- 2^53 - 1: issued whenever
  if ban_ms > 0 then bury(kick, 'ban:' .. terminal, 9007199254740991, this_ms + ban_ms, reason, this_ms) end
  for _, name in ipairs(names_for(terminal)) do names[#names + 1] = name end
end
local under_way = remove_ms > 0 and select(2, stone_of(redis.call('HGET', kick, 'ban:/'), kick .. ' ban:/'))
local goes_on = under_way and this_ms < tonumber(under_way) -- a deletion is told when it begins
if remove_ms > 0 then bury(kick, 'ban:/', 9007199254740991, this_ms + remove_ms, reason, this_ms) end
if not goes_on and is_told('user.kicked') then
  local named = targets[1] ~= '*' and targets or {}
  announce('user.kicked', '"ts":' .. this_moment .. ',"userId":"' .. user .. '"' .. list_text('terminals', named, '"') ..
    ',"reason":' .. cjson.encode(reason) .. (revoke_tokens == '1' and ',"revokeTokens":true' or '') ..
    (ban_ms > 0 and ',"bannedUntil":' .. int(this_ms + ban_ms) or '') .. traced(trace_id))
end
if revoke_tokens == '1' then bury(kick, 'notBefore', before, ends, reason, this_ms) end
-- One between two connections will not come back: nothing is left that would say so by closing.
local who = { leases = leases, terminals = terminals, user = user }
for _, terminal in ipairs(kicked) do
  local kept = terminal_of(who, terminal)
  local is_going = kept and kept.standing ~= 'on' and kept.standing ~= 'off' and kept.standing ~= 'lapsed'
  if is_going then disconnect(who, terminal, 'KICKED', tonumber(grace_ms)) end
end
return { 0, kicked, int(before), int(welcome_from(kick, names, this_ms)) }
