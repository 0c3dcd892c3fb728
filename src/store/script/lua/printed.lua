-- printed.lua - prelude: how far a terminal's stream was printed, and how its last connection ended. [DELIVERY-2]
-- In TERMINALS, each beside its row: `<terminal>/from`: where it began anew the last time, as a cursor (attach-users.lua);
-- `<terminal>/printed`: `<epoch>-<seq> <ms> <transport>`; `<terminal>/brought`: the last place, as a cursor, where it began anew and its
-- mailbox brought all that was unread, READY and all; both only rise. `<terminal>/bye`: `<code, 0: the link was closed> <ms>`.

local function is_further (cursor, stored, rest, place)
  local epoch, seq = string.match(cursor, '^(%d+)-(%d+)$')
  local known, before = parts_of(stored, '^(%d+)-(%d+)' .. rest .. '$', 2, place)
  if not (epoch and known) or tonumber(epoch) ~= tonumber(known) then return tonumber(epoch or 0) > tonumber(known or 0) end
  return tonumber(seq) > tonumber(before)
end

-- part: printed, with what follows its cursor, as a pattern and as text; or brought. cursor: empty where there is nothing to note.
local function note_part (terminals, terminal, part, cursor, rest, more)
  if cursor == '' then return end
  local field = terminal .. '/' .. part
  local row, stored = unpack(redis.call('HMGET', terminals, terminal, field))
  if not row or not is_further(cursor, stored, rest, terminals .. ' ' .. field) then return end
  redis.call('HSET', terminals, field, cursor .. more)
end

-- moment: ms, as text. Of a terminal that is not known nothing is kept.
local function note_printed (terminals, terminal, printed, brought, transport, moment)
  note_part(terminals, terminal, 'printed', printed, ' %d+ %l+', ' ' .. moment .. ' ' .. transport)
  note_part(terminals, terminal, 'brought', brought, '', '')
end
