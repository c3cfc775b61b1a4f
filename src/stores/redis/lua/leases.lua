-- Calls in flight (src/stores/memory/lease-entity.ts): a sorted set of calls by the time, in ms, at
-- which their leases end. A call counts until then, or until it is taken out.

local function openLeases(key, value, shape, now)
  local count = redis.pcall('ZCOUNT', key, '(' .. now, '+inf')
  if type(count) ~= 'number' then return nil end
  local e = { key = key, now = now, at = now, count = count, added = {}, removed = {} }
  e.length = shape.lengths[1]
  return e
end

local function fitsLeases(e, shape)
  return e.count + #e.added + 1 <= shape.limits[1]
end

local function takeLeases(e, _, _, call)
  e.added[#e.added + 1] = call
end

-- A call that ends is taken out, whatever it used.
local function correctLeases(e, _, _, call)
  e.removed[#e.removed + 1] = call
end

-- Wait until so many of the leases have ended. Those that are added here all end together.
local function leaseWait(e, leases)
  local added = #e.added
  if leases > e.count + added then return NEVER end
  local sooner = e.count
  if added > 0 then sooner = redis.call('ZCOUNT', e.key, '(' .. e.now, e.now + e.length) end
  if leases > sooner then
    if leases <= sooner + added then return e.length end
    leases = leases - added
  end
  local which = redis.call('ZRANGEBYSCORE', e.key, '(' .. e.now, '+inf', 'WITHSCORES', 'LIMIT',
    leases - 1, 1)
  return min(tonumber(which[2]) - e.now, NEVER - 1)
end

local function readLeases(out, e, shape, _, withRetry)
  local used, limit = e.count + #e.added, shape.limits[1]
  out[#out + 1] = max(0, limit - used)
  out[#out + 1] = used == 0 and 0 or leaseWait(e, 1)
  if withRetry then
    local over = used + 1 - limit
    out[#out + 1] = over <= 0 and 0 or leaseWait(e, over)
  end
end

local function saveLeases(e)
  redis.call('ZREMRANGEBYSCORE', e.key, '-inf', e.now)
  for a = 1, #e.added do redis.call('ZADD', e.key, e.now + e.length, e.added[a]) end
  if #e.removed > 0 then redis.call('ZREM', e.key, unpack(e.removed)) end
  if #e.added > 0 and redis.call('PTTL', e.key) < e.length + SPARE_MS then
    redis.call('PEXPIRE', e.key, lifeOf(e.length))
  end
end

METERS[5] = {
  open = openLeases,
  fits = fitsLeases,
  take = takeLeases,
  correct = correctLeases,
  readInto = readLeases,
  save = saveLeases,
}
