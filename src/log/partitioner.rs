//! Which partition a key goes to: as the default partitioner of Kafka's Java client chooses, so that a key keeps its
//! partition whoever writes it, on either log.

/// The partition of a key: murmur2 without its sign, modulo the number of partitions.
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions.max(1)
}

/// 32-bit `MurmurHash2` with the seed that Kafka's Java client uses.
pub fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let (words, tail) = data.as_chunks::<4>();
    // Kafka's lengths are 32 bits; a longer key cannot be in a record.
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut hash = SEED ^ length;
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    if !tail.is_empty() {
        for (index, byte) in tail.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * index);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From Apache Kafka's own test of its `Utils.murmur2`.
    #[test]
    fn hashes_as_kafka_does() {
        let vectors: [(&str, i32); 6] = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in vectors {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn every_key_has_a_partition_and_one_partition_takes_all() {
        for key in ["", "a", "ab", "abc", "abcd", "abcde"] {
            assert_eq!(partition_of(key.as_bytes(), 1), 0);
            assert!(partition_of(key.as_bytes(), 7) < 7);
        }
        // -973932308 without its sign is 1173551340, which is 0 modulo 6.
        assert_eq!(partition_of(b"21", 6), 0);
        assert_eq!(partition_of(b"21", 7), 1_173_551_340 % 7);
    }
}
