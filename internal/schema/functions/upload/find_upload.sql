-- howdah.find_upload: the upload of that name for that object, locked against its end; an error where there is none.
create or replace function howdah.find_upload(b howdah.bucket, key text, upload text, ending boolean) returns howdah.upload
language plpgsql as $$
#variable_conflict use_variable
declare
    u howdah.upload;
begin
    if ending then
        select * into u from howdah.upload x where x.upload = find_upload.upload and x.bucket = b.number and x.key = find_upload.key for update;
    else
        select * into u from howdah.upload x where x.upload = find_upload.upload and x.bucket = b.number and x.key = find_upload.key for key share;
    end if;
    if u.upload is null then
        raise exception 'there is no upload % of object %', coalesce(quote_literal(upload), 'null'), coalesce(quote_literal(key), 'null')
            using errcode = 'HW110', hint = 'It was completed or aborted, or is older than the setting upload_interval: begin it again.';
    end if;
    return u;
end $$;
revoke execute on function howdah.find_upload(howdah.bucket, text, text, boolean) from public;
