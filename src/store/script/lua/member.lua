-- member.lua - prelude: members of a conversation.
-- MEMBERS keeps each as `<role> <first visible seq> <partition>`, `w` and his number once he has written, and the epoch of his
-- stream when he was last served; and `!`, what bars him from writing: `b`, the other side has blocked him, or until when he is muted, ms.

-- Returns role, first, tag, writer (his number), known (that epoch) and bar, empty where there is none; nothing for what cannot be read.
local function member_of (stored)
  local role, first, tag, writer, known, bar = string.match(stored or '', '^(%a+) (%d+) (%d+)w?(%d*) ?(%d*)!?(b?%d*)$')
  if role and #first < 16 and tonumber(tag) < 128 then return role, first, tag, writer, known, bar end
end

local function member_text (role, first, tag, writer, known, bar)
  return role .. ' ' .. first .. ' ' .. tag .. (writer ~= '' and 'w' .. writer or '') .. (known ~= '' and ' ' .. known or '') ..
    (bar ~= '' and '!' .. bar or '')
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
