"""
What the server runs in one step.

A script gets the names of all keys that it touches. It reads the server's clock at that
moment. What it writes, it writes after every comparison, and first what is allowed or
refused as a whole when the server's memory is full: so it makes all changes or none.
"""

from __future__ import annotations

from hashlib import sha1
from typing import Final, NamedTuple


class Script(NamedTuple):
    """The text of a script, and the digest by which a server knows it."""

    text: bytes
    digest: bytes


def _script(text: str) -> Script:
    # Redis names scripts by SHA-1.
    return Script(text.encode(), sha1(text.encode(), usedforsecurity=False).hexdigest().encode())


LOOK: Final = _script("""
-- KEYS: events. ARGV: ids. Gives the time, and the events.
local time = redis.call('TIME')
return {time[1], time[2], redis.call('HMGET', KEYS[1], unpack(ARGV))}
""")

DUE: Final = _script("""
-- KEYS: events, due. ARGV: how many, for how many seconds others do not see them.
-- Gives the time, and the events.
local time = redis.call('TIME')
local now = time[1] + time[2] / 1e6
local ids = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, ARGV[1])
local rows = {}
for i, id in ipairs(ids) do
  redis.call('ZADD', KEYS[2], now + ARGV[2], id)
  rows[i] = redis.call('HGET', KEYS[1], id)
end
return {time[1], time[2], rows}
""")

WALK: Final = _script("""
-- KEYS: events, places. ARGV: how many of each range; then for each range of places its
-- ends, and how many bytes of its members stand before the id. Gives the time, and the events.
local time = redis.call('TIME')
local rows = {}
for i = 2, #ARGV, 3 do
  local from, to, before = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local found = redis.call('ZRANGEBYLEX', KEYS[2], from, to, 'LIMIT', 0, ARGV[1])
  for _, member in ipairs(found) do
    rows[#rows + 1] = redis.call('HGET', KEYS[1], string.sub(member, before + 1))
  end
end
return {time[1], time[2], rows}
""")

WRITE: Final = _script("""
-- KEYS: events, payloads, keys, due, places. ARGV: 'all' or 'each', then changes. Gives
-- for each change of an event whether it was made; with 'all', it is the same for each.
local at, made = 1, {}
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
    made[i] = 0
    if holds(change) then
      make(change)
      made[i] = 1
    end
  end
  return made
end
for _, change in ipairs(changes) do
  if not holds(change) then return {0} end
end
for _, change in ipairs(changes) do make(change) end
return {1}
""")

EXTEND: Final = _script("""
-- KEYS: events, due. ARGV: seconds, then for each claim the event's id, and what its third
-- line begins with. Gives which claims are lost, counted from 0.
local time = redis.call('TIME')
local ends = string.format('%.17g', time[1] + time[2] / 1e6 + ARGV[1])
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
