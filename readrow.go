package upsert
