-- admit-requests.lua - decides whether up-requests of users go on, in order, each by itself. [KICK-1] [COST-1]
-- USES kick rate admission (keys are built from ids, the members are of another partition: standalone Redis only)
-- FULL done
-- ARGV emissionUs burst
-- then tag user terminal issuedAt expiresAt units membersPerUnit members ... (tag: the user's partition; members: their key, empty: not asked for)
-- RETURNS 0 [verdict(ok|kicked|limited) reason retryMs units; -12 and why it failed] ...
local emission_us, burst, FIELDS = ARGV[1], ARGV[2], 8

local function decide (tag, user, terminal, issued, expires, units, per, members)
  local prefix = 'iris:{' .. tag .. '}:'
  return { admit({
    kick = prefix .. 'SYSTEM_INSTRUCT_USER_KICK:' .. user, rate = prefix .. 'RATE:' .. user, members = members,
    user = user, terminal = terminal, issued = issued, expires = expires, emission_us = emission_us, burst = burst, units = units, members_per_unit = per
  }) }
end

local decided = { 0 }
for i = 3, #ARGV, FIELDS do
  local is_done, each = pcall(decide, unpack(ARGV, i, i + FIELDS - 1))
  decided[#decided + 1] = is_done and each or { -12, type(each) == 'table' and each.err or each }
end
return decided
