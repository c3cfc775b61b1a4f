-- Shared by all scripts, which are loaded with this text in front of them, then the meters, and say
-- in their headers what their KEYS and ARGV are.
--
-- A meter is one way to count (src/limits/counter.ts, Algorithm). It is a table of functions:
--   open(key, value, shape, now)   decodes an entity, brings it to `now` in memory; nil when the
--                                  value is not one of ours. shape is what it is configured as;
--                                  where shape.loose, false when its windows are others.
--   fits(e, shape, cost)           whether all windows have room
--   take(e, shape, cost, call)     counts
--   correct(e, at, units, call)    adds to what was taken at a time, or gives back (below 0)
--   readInto(out, e, shape, cost, withRetry)   appends for each window: what remains, the wait
--                                  until something is given back (0 when nothing is in use) and, if
--                                  asked for, the wait until the call fits (0 fits, NEVER never)
--   save(e)                        writes what has changed
-- An entity has at: its time of a take, which never goes backwards. Everything is a double here:
-- whole numbers below 2^53 are exact.

local MOST_WINDOWS = 8
-- Largest count that 32 bits keep.
local MAX_COUNT = 4294967295
-- Stands for "never" among waits, which are u32.
local NEVER = 4294967295
local METERS = {}

-- How much longer than its longest window a key lives: a tenth and a minute. The time to live is
-- set when the longest window closes a sub-bucket, so up to a fiftieth of it has passed when it is
-- set again.
local SPARE_PART = 0.1
local SPARE_MS = 60000

local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max
local sub, byte, rep = string.sub, string.byte, string.rep
local encode, decode = struct.pack, struct.unpack

-- Milliseconds since the epoch: of the server, unless a test overrides it.
local function clockMs(override)
  local overrideMs = tonumber(override)
  if overrideMs then return overrideMs end
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000)
end

-- Reads from ARGV[a] on: how many shapes; for each: its meter, how many windows n, then n times
-- length, limit and, for token buckets, burst. Answers the shapes and the next place in ARGV.
local function readShapes(a)
  local shapes = {}
  local count = tonumber(ARGV[a])
  a = a + 1
  for s = 1, count do
    local meter, n = METERS[tonumber(ARGV[a])], tonumber(ARGV[a + 1])
    local lengths, limits, bursts = {}, {}, {}
    a = a + 2
    for w = 1, n do
      lengths[w], limits[w] = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
      bursts[w] = meter.hasBurst and tonumber(ARGV[a + 2])
      a = a + (meter.hasBurst and 3 or 2)
    end
    shapes[s] = { meter = meter, n = n, lengths = lengths, limits = limits, bursts = bursts }
  end
  return shapes, a
end

-- The values of the first n keys: text, false when missing, true when it is there and is not text.
local function readAll(keys, n)
  local values = redis.call('MGET', unpack(keys, 1, n))
  local missing = {}
  for k = 1, n do
    if not values[k] then missing[#missing + 1] = keys[k] end
  end
  if #missing > 0 and redis.call('EXISTS', unpack(missing)) > 0 then
    for k = 1, n do
      if not values[k] and redis.call('EXISTS', keys[k]) > 0 then values[k] = true end
    end
  end
  return values
end

-- A time to live that stays longer than a window until it is set again.
local function lifeOf(lengthMs)
  return ceil(lengthMs * (1 + SPARE_PART)) + SPARE_MS
end

local function clamp(value, least, most)
  return max(least, min(most, value))
end
