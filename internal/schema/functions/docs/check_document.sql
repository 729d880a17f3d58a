-- howdah.check_document: refuses a key or a document that no collection takes, in words. No locks, no tables.
create or replace function howdah.check_document(key text, doc jsonb) returns void
language plpgsql immutable parallel safe set search_path = pg_catalog, pg_temp as $$
begin
    if key is null or pg_catalog.octet_length(key) not between 1 and 1024 then
        raise exception 'the key has % bytes', coalesce(pg_catalog.octet_length(key)::text, 'null')
            using errcode = 'invalid_parameter_value', hint = 'A key is a text of 1 to 1,024 bytes.';
    elsif doc is null or pg_catalog.jsonb_typeof(doc) <> 'object' then
        raise exception 'the document of % is %, not a JSON object', pg_catalog.quote_literal(key), coalesce(pg_catalog.jsonb_typeof(doc), 'null')
            using errcode = 'invalid_parameter_value', hint = 'A document is a JSON object, such as {"city": "Milwaukee"}.';
    end if;
end $$;
