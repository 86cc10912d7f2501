-- A person whom an operator adds.
INSERT INTO dinamis.person (name, email, issuer, subject, state)
VALUES (%(name)s, %(email)s, %(issuer)s, %(subject)s, 'active')
RETURNING id;
