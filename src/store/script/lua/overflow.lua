-- overflow.lua - prelude after event: what had no room in a user's box: what was to be put in, or what it took the place of. [EVENT-7]
-- draft: of what was to be put in.
local function announce_overflow (user, box, id, replaced, draft)
  if not is_told('box.overflow') then return end
  announce('box.overflow', '"ts":' .. int(now) .. ',"userId":"' .. user .. '","box":"' .. box .. '","itemId":"' .. (replaced or id) ..
    '","dropped":"' .. (replaced and 'oldest' or 'newest') .. '"' .. trace_in(draft))
end
