-- count-unread.lua - all unread messages of a user.
-- USES unread
-- FULL done
-- KEYS unread
-- ARGV
-- RETURNS 0 total
return { 0, total_unread(KEYS[1]) }
