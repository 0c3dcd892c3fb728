-- part-user.lua - a user who is being deleted is there no more, while it is still known who sees him. [USER-2] [SEE-4]
-- USES event presence foreground going
-- FULL done
-- KEYS kick terminals leases
-- ARGV feed user
-- RETURNS 0 went(0|1: he was there)
local kick, terminals, leases = unpack(KEYS)
local was_there = redis.call('HEXISTS', terminals, '/online') == 1
if redis.call('HEXISTS', kick, 'ban:/') == 0 or not was_there then return { 0, 0 } end -- lifted: who is there now is another
part({ leases = leases, terminals = terminals, user = ARGV[2] })
return { 0, redis.call('HEXISTS', terminals, '/online') == 1 and 0 or 1 }
