-- count-unread.lua - all unread messages of a user.
-- USES index unread aging total
-- FULL done
-- KEYS unread
-- ARGV keptFrom
-- RETURNS 0 total
return { 0, total_unread(KEYS[1], tonumber(ARGV[1])) }
