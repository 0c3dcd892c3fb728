-- index.lua - prelude: who wrote each message of a log, and when, so that what is unread is arithmetic. [READ-2] [ATTACH-3]
-- LOG:<conversation>:INDEX:<n>: of each message from n * BLOCK + 1 on its writer (4 bytes) and its time (5 bytes: ms from 2^40, in 2004).
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

-- When a message was sent; nil where that is not known.
local function time_at (index, seq)
  local at = offset_of(seq) + 4
  local entry = redis.call('GETRANGE', index .. block_of(seq), at, at + 4)
  local passed = #entry == 5 and struct.unpack('>I5', entry) or 0
  return passed > 0 and passed + 2 ^ 40 or nil
end

-- What was sent before this moment has had its time: whole days, as the end of a direct conversation. docs/protocol.md section 2
local function kept_from (now, log_ms) local day = math.min(86400000, log_ms) return math.floor((now - log_ms) / day) * day end

-- The last of the messages from `low` + 1 to `head` that was sent before a moment, else `low`: in a log time never falls.
local function sent_before (index, low, head, moment)
  while low < head do
    local middle = math.ceil((low + head) / 2)
    if (time_at(index, middle) or moment) < moment then low = middle else head = middle - 1 end
  end
  return low
end
