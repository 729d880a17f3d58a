-- howdah.partition_of: murmur2 of the key modulo the number of partitions, as Kafka's default partitioner
-- (org.apache.kafka.common.utils.Utils.murmur2 and toPositive); id modulo partitions without a key.
create or replace function howdah.partition_of(key text, id bigint, partitions int) returns smallint
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
declare
    m constant bigint := 1540483477;    -- 0x5bd1e995
    w constant bigint := 4294967295;    -- 32 bits
    b bytea;
    n int;
    h bigint;
    k bigint;
    i int := 0;
begin
    if key is null then
        return id % partitions;
    end if;
    b := convert_to(key, 'UTF8');
    n := octet_length(b);
    h := (2538058380 # n) & w;          -- seed 0x9747b28c
    while i + 4 <= n loop
        k := get_byte(b, i) | (get_byte(b, i + 1) << 8) | (get_byte(b, i + 2) << 16) | (get_byte(b, i + 3)::bigint << 24);
        k := howdah.times32(k, m);
        k := k # (k >> 24);
        h := howdah.times32(h, m) # howdah.times32(k, m);
        i := i + 4;
    end loop;
    if n - i = 3 then h := h # (get_byte(b, i + 2) << 16); end if;
    if n - i >= 2 then h := h # (get_byte(b, i + 1) << 8); end if;
    if n - i >= 1 then h := howdah.times32(h # get_byte(b, i), m); end if;
    h := h # (h >> 13);
    h := howdah.times32(h, m);
    h := h # (h >> 15);
    return (h & 2147483647) % partitions;
end $$;
