from mmflamingo.structures import BoundedCache


def test_the_least_recently_used_go_first():
    cache = BoundedCache(10)
    for key in 'abc':
        cache.put(key, key.upper(), 3)
    assert cache.get('a') == 'A' and cache.num_bytes == 9
    cache.put('d', 'D', 3)
    assert [cache.get(key) for key in 'abcd'] == ['A', None, 'C', 'D']
    cache.put('e', 'E', 8)
    assert [cache.get(key) for key in 'acde'] == [None, None, None, 'E']
    assert cache.num_bytes == 8 and len(cache) == 1


def test_what_is_too_large_drives_nothing_out():
    cache = BoundedCache(10)
    cache.put('a', 'A', 10)
    cache.put('b', 'B', 11)
    assert cache.get('a') == 'A' and cache.get('b') is None and cache.num_bytes == 10
    cache.clear()
    assert len(cache) == cache.num_bytes == 0


def test_without_room_nothing_is_kept():
    cache = BoundedCache(0)
    cache.put('a', 'A', 1)
    assert cache.get('a') is None
