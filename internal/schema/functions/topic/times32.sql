-- howdah.times32: the low 32 bits of a product of two unsigned 32-bit numbers, without overflow of bigint.
create or replace function howdah.times32(a bigint, b bigint) returns bigint
language sql immutable parallel safe as $$
    select ((a * (b & 65535)) + (((a * (b >> 16)) & 65535) << 16)) & 4294967295
$$;
