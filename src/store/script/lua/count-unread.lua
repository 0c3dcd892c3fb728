-- count-unread.lua - all unread messages of a user.
-- USES member index unread aging total
-- FULL done
-- KEYS unread
-- ARGV keptFrom
-- RETURNS 0 total
return { 0, total_unread(KEYS[1], tonumber(ARGV[1])) }
