-- Weighted and calendar windows, which begin at whole multiples of their length
-- (src/limits/aligned-window.ts). The value of an entity, little-endian, with n windows:
--   u8  32 + n
--   f64 at, f64 since   as with strict windows
--   n times  u32 length of the window, ms
--            u32 count of the running window
--            u32 count of the one before

local ALIGNED_VERSION = 32
local ALIGNED_FORMAT = {}
for n = 1, MOST_WINDOWS do ALIGNED_FORMAT[n] = '<Bdd' .. rep('I4I4I4', n) end

-- The windows of the shape, empty; those of the same length go on as `old` has them.
local function alignedWindows(shape, old)
  local windows = {}
  for w = 1, shape.n do
    windows[w] = { length = shape.lengths[w], current = 0, previous = 0 }
    for s = 1, #old do
      if old[s].length == shape.lengths[w] then windows[w] = old[s] end
    end
  end
  return windows
end

local function sameLengths(windows, shape)
  if #windows ~= shape.n then return false end
  for w = 1, shape.n do
    if windows[w].length ~= shape.lengths[w] then return false end
  end
  return true
end

local function openAligned(key, value, shape, now)
  local e = { key = key, now = now, at = now, since = now, windows = {} }
  if value then
    local n = value ~= true and (byte(value, 1) or 0) - ALIGNED_VERSION or 0
    if n < 1 or n > MOST_WINDOWS or #value ~= 17 + 12 * n then return nil end
    local fields = { decode(ALIGNED_FORMAT[n], value) }
    local before = fields[2]
    e.since, e.at = fields[3], max(before, now)
    for w = 1, n do
      local length, current, previous = fields[3 * w + 1], fields[3 * w + 2], fields[3 * w + 3]
      local turns = floor(e.at / length) - floor(before / length)
      if turns > 0 then
        previous = turns == 1 and current or 0
        current = 0
      end
      e.windows[w] = { length = length, current = current, previous = previous }
    end
  end
  if not sameLengths(e.windows, shape) then
    if shape.loose then return false end
    local idle = true
    for w = 1, #e.windows do
      if e.windows[w].current > 0 or e.windows[w].previous > 0 then idle = false end
    end
    e.windows = alignedWindows(shape, e.windows)
    e.since = idle and e.at or e.at + 1
  end
  return e
end

local function takeAligned(e, _, cost)
  for w = 1, #e.windows do
    e.windows[w].current = min(MAX_COUNT, e.windows[w].current + cost)
  end
end

local function correctAligned(e, at, units)
  if at < e.since then return end
  for w = 1, #e.windows do
    local window = e.windows[w]
    local age = floor(e.at / window.length) - floor(at / window.length)
    if age == 0 then window.current = clamp(window.current + units, 0, MAX_COUNT) end
    if age == 1 then window.previous = clamp(window.previous + units, 0, MAX_COUNT) end
  end
end

local function saveAligned(e)
  local fields, n = {}, #e.windows
  for w = 1, n do
    local window = e.windows[w]
    fields[3 * w - 2], fields[3 * w - 1] = window.length, window.current
    fields[3 * w] = window.previous
  end
  local value = encode(ALIGNED_FORMAT[n], ALIGNED_VERSION + n, e.at, e.since, unpack(fields))
  redis.call('PSETEX', e.key, lifeOf(2 * e.windows[n].length), value)
end

-- Units in use at a time that is not before that of the entity.
local function calendarUse(e, window, time)
  return floor(time / window.length) == floor(e.at / window.length) and window.current or 0
end

local function weightedUse(e, window, time)
  local number = floor(time / window.length)
  local turns = number - floor(e.at / window.length)
  if turns > 1 then return 0 end
  local before = turns == 0 and window.previous or window.current
  local running = turns == 0 and window.current or 0
  return (before * ((number + 1) * window.length - time)) / window.length + running
end

-- Wait until at most `most` units are in use, which now are more.
local function calendarWait(e, window)
  return (floor(e.at / window.length) + 1) * window.length - e.now
end

local function weightedWait(e, window, most)
  local length = window.length
  local start = floor(e.at / length) * length
  local time
  if window.current <= most then
    time = start + ceil(length * (1 - (most - window.current) / window.previous))
  else
    time = start + length + ceil(length * (1 - most / window.current))
  end
  while weightedUse(e, window, time) > most do time = time + 1 end
  while time - 1 > e.at and weightedUse(e, window, time - 1) <= most do time = time - 1 end
  return time - e.now
end

local function alignedMeter(useAt, waitFor)
  local meter = { open = openAligned, take = takeAligned, correct = correctAligned }
  meter.save = saveAligned
  function meter.fits(e, shape, cost)
    for w = 1, shape.n do
      if useAt(e, e.windows[w], e.at) + cost > shape.limits[w] then return false end
    end
    return true
  end
  function meter.readInto(out, e, shape, cost, withRetry)
    for w = 1, shape.n do
      local window, limit = e.windows[w], shape.limits[w]
      local used = useAt(e, window, e.at)
      out[#out + 1] = max(0, floor(limit - used))
      out[#out + 1] = used == 0 and 0 or min(waitFor(e, window, ceil(used) - 1), NEVER - 1)
      if withRetry then
        local wait = 0
        if used + cost > limit then
          wait = cost > limit and NEVER or min(waitFor(e, window, limit - cost), NEVER - 1)
        end
        out[#out + 1] = wait
      end
    end
  end
  return meter
end

METERS[2] = alignedMeter(weightedUse, weightedWait)
METERS[3] = alignedMeter(calendarUse, calendarWait)
