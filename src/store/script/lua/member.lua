-- member.lua - prelude after down: members of a conversation, and how they are served.
-- MEMBERS keeps each as `<role> <first visible seq> <partition>`, `w` and his
-- number once he has written, and the epoch of his stream when he was last served.
local function member_of (stored)
  local member, first, tag, spoke, known = string.match(stored, '^(%a+ (%d+) (%d+))(w?%d*) ?(%d*)$')
  if member and #first < 16 and tonumber(tag) < 128 then return member, first, tag, spoke, known end
end

-- What serving a member takes, of many in a row: no text is made of what is not needed. Returns tag spoke known.
local function served_of (stored)
  local from, to, tag, spoke, known = string.match(stored, '^%a+ ()%d+() (%d+)(w?%d*) ?(%d*)$')
  if from and to - from < 16 and tonumber(tag) < 128 then return tag, spoke, known end
end

-- All members that can be read: user, row, user, row ...
local function members_in (key)
  local found, all = {}, redis.call('HGETALL', key)
  for i = 1, #all, 2 do
    if member_of(all[i + 1]) then found[#found + 1], found[#found + 2] = all[i], all[i + 1]
    else skip(key .. ' ' .. all[i]) end
  end
  return found
end

-- The row of a member; all: user, row, user, row ...
local function row_of (all, user)
  for i = 1, #all, 2 do if all[i] == user then return all[i + 1] end end
end
