"""
What the server runs in one step.

A script gets the names of all keys that it touches. It reads the server's clock at that
moment. What it writes, it writes after every comparison, and first what is allowed or
refused as a whole when the server's memory is full: so it makes all changes or none. It
publishes last, and goes on if that is refused.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final, NamedTuple


class Script(NamedTuple):
    """The text of a script, and the digest by which a server knows it."""

    text: bytes
    digest: bytes


# As Python writes it, so that whoever reads it has the same number, and writes the same text.
_NOW: Final = """
local time = redis.call('TIME')
local now = string.format('%d.%06d', time[1], time[2]):gsub('0+$', ''):gsub('%.$', '.0')
"""


def _script(text: str) -> Script:
    text = text.replace("-- NOW\n", _NOW)
    # Redis names scripts by SHA-1.
    return Script(text.encode(), sha1(text.encode(), usedforsecurity=False).hexdigest().encode())


LOOK: Final = _script("""
-- KEYS: events. ARGV: ids. Gives the time, and the events.
-- NOW
return {now, redis.call('HMGET', KEYS[1], unpack(ARGV))}
""")

DUE: Final = _script("""
-- KEYS: events, due. ARGV: how many, for how many seconds others do not see them.
-- Gives the time, and the events.
-- NOW
local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])
local rows = {}
for i, id in ipairs(ids) do
  redis.call('ZADD', KEYS[2], now + ARGV[2], id)
  rows[i] = redis.call('HGET', KEYS[1], id)
end
return {now, rows}
""")

OVERDUE: Final = _script("""
-- KEYS: events, due. ARGV: for how many seconds they have been due, how many at most. Gives
-- the time, and the events, or nil if there are more of them.
-- NOW
local before = now - ARGV[1]
if redis.call('ZCOUNT', KEYS[2], '-inf', before) > tonumber(ARGV[2]) then return {now, false} end
local rows = {}
for i, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', before)) do
  rows[i] = redis.call('HGET', KEYS[1], id)
end
return {now, rows}
""")

WALK: Final = _script("""
-- KEYS: events, places. ARGV: how many of each range; then for each range of places its
-- ends, and how many bytes of its members stand before the id. Gives the time, and the events.
-- NOW
local rows = {}
for i = 2, #ARGV, 3 do
  local from, to, before = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local found = redis.call('ZRANGEBYLEX', KEYS[2], from, to, 'LIMIT', 0, ARGV[1])
  for _, member in ipairs(found) do
    rows[#rows + 1] = redis.call('HGET', KEYS[1], string.sub(member, before + 1))
  end
end
return {now, rows}
""")

WRITE: Final = _script("""
-- KEYS: events, payloads, keys, due, places. ARGV: 'all' or 'each', the channel on which
-- workers are to be woken or '', then changes. Gives for each change of an event whether it
-- was made; with 'all', it is the same for each.
local at, made = 2, {}
local changes = {}

local function word()
  at = at + 1
  return ARGV[at]
end

local function words()
  local found = {}
  for i = 1, word() do found[i] = word() end
  return found
end

local function holds(change)
  local stored = redis.call('HGET', change.hash, change.field)
  if change.old == '' then return not stored end
  return stored and string.sub(stored, 1, #change.old) == change.old
end

-- Whether this very change was made already: its answer was lost, and it is sent again.
local function is_made(change)
  return (redis.call('HGET', change.hash, change.field) or '') == change.new
end

local function make(change)
  if change.payload == 'drop' then redis.call('HDEL', KEYS[2], change.field) end
  if change.new == '' then
    redis.call('HDEL', change.hash, change.field)
  else
    redis.call('HSET', change.hash, change.field, change.new)
  end
  if not change.payload then return end
  if change.payload == 'put' then redis.call('HSET', KEYS[2], change.field, change.put) end
  if change.due == '' then
    redis.call('ZREM', KEYS[4], change.field)
  else
    redis.call('ZADD', KEYS[4], change.due, change.field)
  end
  for _, member in ipairs(change.gone) do redis.call('ZREM', KEYS[5], member) end
  for _, member in ipairs(change.come) do redis.call('ZADD', KEYS[5], 0, member) end
end

while at < #ARGV do
  local kind = word()
  local change = {field = word(), old = word(), new = word()}
  if kind == 'key' then
    change.hash = KEYS[3]
  else
    change.hash, change.due, change.gone, change.come = KEYS[1], word(), words(), words()
    change.payload = word()
    if change.payload == 'put' then change.put = word() end
  end
  changes[#changes + 1] = change
end

if ARGV[1] == 'each' then
  for i, change in ipairs(changes) do
    made[i] = 1
    if holds(change) then
      make(change)
    elseif not is_made(change) then
      made[i] = 0
    end
  end
  return made
end
local all_hold, all_made = true, true
for _, change in ipairs(changes) do
  all_hold = all_hold and holds(change)
  all_made = all_made and is_made(change)
end
if all_hold then
  for _, change in ipairs(changes) do make(change) end
end
if ARGV[2] ~= '' and (all_hold or all_made) then redis.pcall('PUBLISH', ARGV[2], '') end
return {(all_hold or all_made) and 1 or 0}
""")

EXTEND: Final = _script("""
-- KEYS: events, due. ARGV: seconds, then for each claim the event's id, and what its third
-- line begins with. Gives which claims are lost, counted from 0.
-- NOW
local ends = string.format('%.17g', now + ARGV[1])
local lost = {}
for i = 2, #ARGV, 2 do
  local id, fence = ARGV[i], ARGV[i + 1]
  local stored = redis.call('HGET', KEYS[1], id)
  local revision, rest
  if stored then revision, rest = string.match(stored, '^(%d+)\\n[^\\n]*\\n(.*)$') end
  if rest and string.sub(rest, 1, #fence) == fence then
    local new = string.format('%d\\n%s\\n%s', revision + 1, ends, rest)
    redis.call('HSET', KEYS[1], id, new)
    redis.call('ZADD', KEYS[2], ends, id)
  else
    lost[#lost + 1] = i / 2 - 1
  end
end
return lost
""")

ADMIT: Final = _script("""
-- KEYS: events, payloads, due, places. ARGV: id, payload, the event's text before and after
-- its times, for how many seconds it is claimed or '', after how many it is due or '', what
-- its place begins with, the channel on which workers are to be woken or ''. Gives the time,
-- if the event was absent.
local id, payload, head, tail = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('HEXISTS', KEYS[1], id) == 1 then return false end
-- NOW
local ends, due, since = '0.0', 'null', nil
if ARGV[5] ~= '' then
  ends = string.format('%.17g', now + ARGV[5])
  since = ends
end
if ARGV[6] ~= '' then
  due = ARGV[6] == '0.0' and now or string.format('%.17g', now + ARGV[6])
  since = since or due
end
local text = '1\\n' .. ends .. '\\n' .. head .. now .. ',' .. now .. ',' .. due .. tail
redis.call('HSET', KEYS[1], id, text)
redis.call('HSET', KEYS[2], id, payload)
redis.call('ZADD', KEYS[3], since, id)
local bits = struct.pack('>d', now)
local first = string.char(string.byte(bits) + 128) .. string.sub(bits, 2)
redis.call('ZADD', KEYS[4], 0, ARGV[7] .. first .. id)
if ARGV[8] ~= '' then redis.pcall('PUBLISH', ARGV[8], '') end
return now
""")

SETTLE: Final = _script("""
-- KEYS: events, due, places. ARGV: id, the event's text without revision and lease as it is
-- thought to be, and as it is to be, then its place before and after, or '' for the same: it
-- is then still claimed. Gives whether it was.
local id = ARGV[1]
local stored = redis.call('HGET', KEYS[1], id)
if not stored then return 0 end
local revision, ends, rest = string.match(stored, '^(%d+)\\n([^\\n]*)\\n(.*)$')
if rest == ARGV[3] then return 1 end -- its answer was lost
if rest ~= ARGV[2] then return 0 end
if ARGV[4] ~= '' then ends = '0.0' end
redis.call('HSET', KEYS[1], id, string.format('%d\\n', revision + 1) .. ends .. '\\n' .. ARGV[3])
if ARGV[4] ~= '' then
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], ARGV[4])
  redis.call('ZADD', KEYS[3], 0, ARGV[5])
end
return 1
""")
