-- printed.lua - prelude: how far a terminal's stream was printed, and how its last connection ended. [DELIVERY-2]
-- In TERMINALS, each beside its row: `<terminal>/from`: where it began anew the last time, as a cursor, and
-- `more` behind it where more may have been unread than its mailbox brought then (attach-users.lua);
-- `<terminal>/printed`: `<epoch>-<seq> <ms> <transport>`, which only rises; `<terminal>/bye`: `<code, 0: the link was closed> <ms>`.

local function is_further (cursor, stored, place)
  local epoch, seq = string.match(cursor, '^(%d+)-(%d+)$')
  local known, before = parts_of(stored, '^(%d+)-(%d+) %d+ %l+$', 2, place)
  if not (epoch and known) or tonumber(epoch) ~= tonumber(known) then return tonumber(epoch or 0) > tonumber(known or 0) end
  return tonumber(seq) > tonumber(before)
end

-- cursor: empty where nothing was printed. moment: ms, as text. Of a terminal that is not known nothing is kept.
local function note_printed (terminals, terminal, cursor, transport, moment)
  if cursor == '' then return end
  local row, stored = unpack(redis.call('HMGET', terminals, terminal, terminal .. '/printed'))
  if not row or not is_further(cursor, stored, terminals .. ' ' .. terminal .. '/printed') then return end
  redis.call('HSET', terminals, terminal .. '/printed', cursor .. ' ' .. moment .. ' ' .. transport)
end
