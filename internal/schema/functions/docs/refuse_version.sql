-- howdah.refuse_version: the error of a compare-and-set that found another version, HW005. With the caller's rights.
create or replace function howdah.refuse_version(collection text, key text, if_version bigint) returns void
language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
    have bigint;
begin
    if if_version < 0 then
        raise exception 'if_version is %', if_version
            using errcode = 'invalid_parameter_value', hint = 'Give the version that you have read, or 0 for a document that must not be there.';
    end if;
    execute format('select version from docs.%I where key = $1 and (expires_at is null or expires_at > statement_timestamp())', collection) into have using key;
    raise exception 'document % of collection % %', quote_literal(key), quote_literal(collection),
            case when have is null then 'is not there' else format('has version %s', have) end
        using errcode = 'HW005', detail = format('The version asked for was %s.', if_version),
              hint = 'Somebody else changed it: read it again and decide anew.';
end $$;
