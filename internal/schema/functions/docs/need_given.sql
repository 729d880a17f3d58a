-- howdah.need_given: refuses known_at where it is the clock's. Reads howdah.collection by name.
create or replace function howdah.need_given(collection text) returns void
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
    c howdah.collection := howdah.find_collection(collection);
begin
    if not c.given then
        raise exception 'collection % takes known_at from the clock', quote_literal(collection)
            using errcode = 'invalid_parameter_value',
                  hint = 'Leave known_at out, or create a collection with known_at => ''given'' for documents whose source has a clock of its own.';
    end if;
end $$;
