-- howdah.refuse_document: the errors of a collection's triggers, in words; it never returns.
create or replace function howdah.refuse_document(what text, key text, got text, last text default null) returns text
language plpgsql immutable as $$
begin
    if what = 'key' then
        raise exception 'the key of a document cannot change: % to %', pg_catalog.quote_literal(key), pg_catalog.quote_literal(got)
            using errcode = 'invalid_parameter_value', hint = 'Delete the document and put it under the new key.';
    end if;
    raise exception 'known_at % of document % is not later than its last one, %', got, pg_catalog.quote_literal(key), last
        using errcode = 'invalid_parameter_value', hint = 'Put the versions of a key in the order in which they became known.';
end $$;
