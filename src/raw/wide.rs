//! Sixteen bytes in one store.

/// The bytes of two words, those of `first` first, each lowest byte first.
///
/// Whoever gets a handle from a trait's call copies it, sixteen bytes at once. Had they been stored by
/// two stores of eight, that load would have to wait until both are in the cache: some 15 cycles in
/// each call that returns a handle. The compiler takes every other way to write this apart again.
#[inline(always)]
pub(crate) fn le_bytes(first: u64, second: u64) -> [u8; 16] {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let both: std::arch::x86_64::__m128i;
        // SAFETY: two moves and a merge between registers, which every x86-64 processor has; flags,
        // memory and stack are not touched.
        unsafe {
            std::arch::asm!(
                "movq {both}, {first}",
                "movq {other}, {second}",
                "punpcklqdq {both}, {other}",
                first = in(reg) first,
                second = in(reg) second,
                both = out(xmm_reg) both,
                other = out(xmm_reg) _,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        // SAFETY: any sixteen bytes are an array of bytes.
        unsafe { std::mem::transmute::<std::arch::x86_64::__m128i, [u8; 16]>(both) }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    {
        (u128::from(second) << 64 | u128::from(first)).to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_bytes_are_those_of_both_words_lowest_first() {
        let [first, second] = [0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908];
        assert_eq!(super::le_bytes(first, second), std::array::from_fn(|n| n as u8));
    }
}
