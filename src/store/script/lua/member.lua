-- member.lua - prelude: members of a conversation.
-- MEMBERS keeps each as `<role> <first visible seq> <partition>`, `w` and his number once he has written, and the epoch of his
-- stream when he was last served.

-- Returns role, first, tag, writer (his number) and known (that epoch), empty where there is none; nothing for what cannot be read.
local function member_of (stored)
  local role, first, tag, writer, known = string.match(stored or '', '^(%a+) (%d+) (%d+)w?(%d*) ?(%d*)$')
  if role and #first < 16 and tonumber(tag) < 128 then return role, first, tag, writer, known end
end

local function member_text (role, first, tag, writer, known)
  return role .. ' ' .. first .. ' ' .. tag .. (writer ~= '' and 'w' .. writer or '') .. (known ~= '' and ' ' .. known or '')
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
