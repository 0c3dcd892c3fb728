-- count-unread.lua - all unread messages of a user.
-- USES index unread waiting
-- FULL done
-- KEYS unread
-- ARGV
-- RETURNS 0 total
return { 0, total_unread(KEYS[1]) }
