-- howdah.tag_object: sets the tags of an object, or of one version of it, in place of those it had.
create or replace function howdah.tag_object(bucket text, key text, tags jsonb, version_id text default null) returns jsonb
language plpgsql security definer set search_path = pg_catalog, pg_temp set enable_seqscan = off as $$
#variable_conflict use_variable
declare
    b howdah.bucket := howdah.need_bucket(bucket, 'INSERT');
    o howdah.object := howdah.find_object(b, key, version_id);
begin
    if tags is null or jsonb_typeof(tags) <> 'object' then
        raise exception 'tags are not a JSON object: %', tags using errcode = 'invalid_parameter_value', hint = 'Use {"name": "value"}.';
    end if;
    update howdah.object x set tags = tag_object.tags where x.bucket = o.bucket and x.key = o.key and x.version = o.version returning * into o;
    return howdah.object_info(o, b);
end $$;
