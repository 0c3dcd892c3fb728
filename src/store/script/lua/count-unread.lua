-- count-unread.lua - the unread messages of a user, in steps. [COST-1]
-- USES member index unread aging total
-- FULL done
-- KEYS unread
-- ARGV keptFrom cursor
-- RETURNS 0 total(of this step) cursor(of the next one; `0`: there is none)
return { 0, total_unread(KEYS[1], tonumber(ARGV[1]), ARGV[2]) }
