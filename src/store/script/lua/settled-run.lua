-- settled-run.lua - whether the life was settled with the run that answers: all that was ever there is known to be there. [STORE-1]
-- USES run
-- FULL reads
-- KEYS run
-- ARGV
-- RETURNS 0 isSettled
return { 0, redis.call('GET', KEYS[1]) == this_run and 1 or 0 }
