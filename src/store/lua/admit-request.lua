-- admit-request.lua - decides whether a user's up-request goes on. [KICK-1] [COST-1]
-- USES kick rate admission (the members are of another partition: standalone Redis only)
-- FULL done
-- KEYS kick rate members
-- ARGV user terminal issuedAt expiresAt emissionUs burst units membersPerUnit
-- RETURNS 0 verdict(ok|kicked|limited) reason retryMs units
local kick, rate, members = unpack(KEYS)
local user, terminal, issued, expires, emission_us, burst, units, members_per_unit = unpack(ARGV)
return { 0, admit({
  kick = kick, rate = rate, members = members, user = user, terminal = terminal, issued = issued, expires = expires,
  emission_us = emission_us, burst = burst, units = units, members_per_unit = members_per_unit
}) }
