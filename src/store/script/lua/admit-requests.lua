-- admit-requests.lua - decides whether up-requests of users go on. [KICK-1] [COST-1]
-- USES each kick rate admission (keys are built from ids, the members are of another partition: standalone Redis only)
-- FULL done
-- ARGV emissionUs burst
-- then tag user terminal issuedAt expiresAt units membersPerUnit members
-- ... (tag: the user's partition; members: their key, empty: not asked for)
-- RETURNS 0 [verdict(ok|kicked|limited) reason retryMs units; -12 and why it failed] ...
local up, FIELDS = pace(tonumber(ARGV[1]), tonumber(ARGV[2]), MAX_UNITS), 8

local kicks = {}
for i = 3, #ARGV, FIELDS do kicks[#kicks + 1] = kick_of(ARGV[i], ARGV[i + 1]) end
look_for(kicks)

return decide_each(3, FIELDS, function (tag, user, terminal, issued, expires, units, per, members)
  return { admit({
    kick = kick_of(tag, user), rate = 'iris:{' .. tag .. '}:RATE:' .. user, members = members,
    user = user, terminal = terminal, issued = issued, expires = expires, units = units, members_per_unit = per
  }, up) }
end)
