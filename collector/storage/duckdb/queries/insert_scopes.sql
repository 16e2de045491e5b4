INSERT INTO scopes BY NAME SELECT * FROM incoming_scopes
