module muster.test/go-templates

go 1.26
