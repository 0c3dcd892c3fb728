-- index.lua - prelude: who wrote each message of a log, and when, so that what is unread is arithmetic. [READ-2] [ATTACH-3]
-- LOG:<conversation>:INDEX:<n>: of each message from n * BLOCK + 1 on its writer (4 bytes) and its time (5 bytes: ms from 2^40, in 2004, on).
-- writer: 0 where it counts for nobody (silent, revoked, not there), 1 for `system`, else the number in the member's row.
local BLOCK, WIDTH, SYSTEM = 1024, 9, 1

local function index_of (conversation) return (string.gsub(conversation, ':CONVERSATION:', ':LOG:', 1)) .. ':INDEX:' end
local function block_of (seq) return math.floor((seq - 1) / BLOCK) end
local function offset_of (seq) return (seq - 1) % BLOCK * WIDTH end

-- The number of a member who writes for the first time: by that message, since it has one writer only.
local function new_writer (seq) return (seq - 1) % (2 ^ 32 - 2) + 2 end

local function note (index, seq, writer, ts)
  redis.call('SETRANGE', index .. block_of(seq), offset_of(seq), struct.pack('>I4I5', writer, math.max(0, ts - 2 ^ 40)))
end

-- A message counts for nobody from now on. Returns who wrote it.
local function strike (index, seq)
  local key, at = index .. block_of(seq), offset_of(seq)
  local entry = redis.call('GETRANGE', key, at, at + 3)
  if #entry < 4 then return 0 end
  redis.call('SETRANGE', key, at, '\0\0\0\0')
  return (struct.unpack('>I4', entry))
end

-- The entries of some messages, in a row; what is not there counts for nobody.
local function entries (index, from, to)
  local parts = {}
  for n = block_of(from), block_of(to) do
    local first, last = math.max(from, n * BLOCK + 1), math.min(to, n * BLOCK + BLOCK)
    local part = redis.call('GETRANGE', index .. n, offset_of(first), offset_of(last) + WIDTH - 1)
    parts[#parts + 1] = part .. string.rep('\0', (last - first + 1) * WIDTH - #part)
  end
  return table.concat(parts)
end

local function writer_at (text, i)
  local a, b, c, d = string.byte(text, i, i + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end
