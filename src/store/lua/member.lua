-- member.lua - prelude after down: members of a conversation, and how they are served.
-- MEMBERS keeps each as `<role> <first visible seq> <partition>`, a `w` when he has written, and the epoch of his stream when he was last served.
local function member_of (stored) return string.match(stored, '^(%a+ (%d+) (%d+))(w?) ?(%d*)$') end

local function deliver_to (user, stored, entry, body)
  local _, _, tag, _, known = member_of(stored)
  return deliver(user, tag, entry, body, known)
end
