-- find-written.lua - which messages of a part of a log a user has written: those that are not revoked. [USER-4]
-- USES log
-- FULL reads
-- KEYS log
-- ARGV user from to
-- RETURNS 0 seqs[]
local log = KEYS[1]
local user, from, to = unpack(ARGV)
local found = {}
for first = tonumber(from), tonumber(to), 100 do
  local names = {}
  for seq = first, math.min(first + 99, tonumber(to)) do names[#names + 1] = int(seq) end
  for i, record in ipairs(redis.call('HMGET', log, unpack(names))) do
    local message = message_in(record)
    if message and message.from == user and message.type ~= 'revoked' then found[#found + 1] = tonumber(names[i]) end
  end
end
return { 0, found }
