;; The two passes of a resize, with which `resize.ts` fills and reads the memory. A new row's pixels are sums of an old
;; row's, by a table that has an entry for each of them:
;;
;;     first old pixel, number of old pixels, their weights, unused weights up to the entry's end        all i32
;;
;; Weights are in parts of 2^22. A sum begins at a half, so that shifting it rounds; narrowing it twice clamps it to a
;; byte. Pixels are of three bytes. What is read and written may go on for 16 bytes behind the last pixel.
(module
  (memory (export "memory") 1)

  ;; Makes a row of `width` pixels of each row.
  (func (export "rows")
    (param $from i32) (param $rowBytes i32) (param $to i32) (param $width i32) (param $height i32)
    (param $table i32) (param $entryBytes i32)
    (local $x i32) (local $entry i32) (local $pixel i32) (local $weight i32) (local $end i32) (local $sum v128)
    (loop $row
      (local.set $x (local.get $width))
      (local.set $entry (local.get $table))
      (loop $newPixel
        (local.set $pixel (i32.add (local.get $from) (i32.mul (i32.load (local.get $entry)) (i32.const 3))))
        (local.set $weight (i32.add (local.get $entry) (i32.const 8)))
        (local.set $end
          (i32.add (local.get $weight) (i32.shl (i32.load offset=4 (local.get $entry)) (i32.const 2))))
        (local.set $sum (i32x4.splat (i32.const 0x200000)))
        (loop $oldPixel
          (local.set $sum
            (i32x4.add
              (local.get $sum)
              (i32x4.mul
                (v128.load32_splat (local.get $weight))
                (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $pixel)))))))
          (local.set $pixel (i32.add (local.get $pixel) (i32.const 3)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
          (br_if $oldPixel (i32.lt_u (local.get $weight) (local.get $end))))
        (local.set $sum (i32x4.shr_s (local.get $sum) (i32.const 22)))
        (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
        (v128.store32_lane 0 (local.get $to) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (local.set $to (i32.add (local.get $to) (i32.const 3)))
        (local.set $entry (i32.add (local.get $entry) (local.get $entryBytes)))
        (br_if $newPixel (local.tee $x (i32.sub (local.get $x) (i32.const 1)))))
      (local.set $from (i32.add (local.get $from) (local.get $rowBytes)))
      (br_if $row (local.tee $height (i32.sub (local.get $height) (i32.const 1))))))

  ;; Makes `height` rows of all rows, 16 bytes of a row at once.
  (func (export "columns")
    (param $from i32) (param $rowBytes i32) (param $to i32) (param $height i32)
    (param $table i32) (param $entryBytes i32)
    (local $x i32) (local $old i32) (local $weight i32) (local $end i32) (local $bytes v128) (local $by v128)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (loop $row
      (local.set $end
        (i32.add
          (i32.add (local.get $table) (i32.const 8))
          (i32.shl (i32.load offset=4 (local.get $table)) (i32.const 2))))
      (local.set $x (i32.const 0))
      (loop $part
        (local.set $old
          (i32.add
            (i32.add (local.get $from) (local.get $x))
            (i32.mul (i32.load (local.get $table)) (local.get $rowBytes))))
        (local.set $weight (i32.add (local.get $table) (i32.const 8)))
        (local.set $a (i32x4.splat (i32.const 0x200000)))
        (local.set $b (local.get $a))
        (local.set $c (local.get $a))
        (local.set $d (local.get $a))
        (loop $oldRow
          (local.set $by (v128.load32_splat (local.get $weight)))
          (local.set $bytes (i16x8.extend_low_i8x16_u (v128.load (local.get $old))))
          (local.set $a
            (i32x4.add (local.get $a) (i32x4.mul (local.get $by) (i32x4.extend_low_i16x8_u (local.get $bytes)))))
          (local.set $b
            (i32x4.add (local.get $b) (i32x4.mul (local.get $by) (i32x4.extend_high_i16x8_u (local.get $bytes)))))
          (local.set $bytes (i16x8.extend_high_i8x16_u (v128.load (local.get $old))))
          (local.set $c
            (i32x4.add (local.get $c) (i32x4.mul (local.get $by) (i32x4.extend_low_i16x8_u (local.get $bytes)))))
          (local.set $d
            (i32x4.add (local.get $d) (i32x4.mul (local.get $by) (i32x4.extend_high_i16x8_u (local.get $bytes)))))
          (local.set $old (i32.add (local.get $old) (local.get $rowBytes)))
          (local.set $weight (i32.add (local.get $weight) (i32.const 4)))
          (br_if $oldRow (i32.lt_u (local.get $weight) (local.get $end))))
        (v128.store
          (i32.add (local.get $to) (local.get $x))
          (i8x16.narrow_i16x8_u
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $a) (i32.const 22))
              (i32x4.shr_s (local.get $b) (i32.const 22)))
            (i16x8.narrow_i32x4_s
              (i32x4.shr_s (local.get $c) (i32.const 22))
              (i32x4.shr_s (local.get $d) (i32.const 22)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br_if $part (i32.lt_u (local.get $x) (local.get $rowBytes))))
      (local.set $to (i32.add (local.get $to) (local.get $rowBytes)))
      (local.set $table (i32.add (local.get $table) (local.get $entryBytes)))
      (br_if $row (local.tee $height (i32.sub (local.get $height) (i32.const 1)))))))
